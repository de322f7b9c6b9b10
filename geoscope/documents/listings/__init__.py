"""Lists of what geoscope knows and is told: measures, protocols, the configuration. Results that no run makes."""
