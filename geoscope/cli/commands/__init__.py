"""The commands but the plainest, a file each or a file a kind. Each parses, calls, prints, exits."""
