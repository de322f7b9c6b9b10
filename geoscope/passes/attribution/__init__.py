"""Attribution: which dimensions, positions and rows hold a cloud's energy and its largest values."""
