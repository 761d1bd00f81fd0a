"""One script a question of speed; ratios within one process, the contestants taking turns."""
