"""What a study draws its data from: truths, laws of x, sizes, seeds."""
