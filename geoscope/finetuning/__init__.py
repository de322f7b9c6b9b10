"""Fine-tuning with a regularizer: tasks, runs, grids over seeds, and what they show."""
