"""What geoscope takes on a GPU, held against the GPU's own products and against this machine's CPU: `make gpu`."""
