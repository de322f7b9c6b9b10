"""Lists of what geoscope knows, is told and stands on: measures, protocols, the configuration, a diagnosis."""
