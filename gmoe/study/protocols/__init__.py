"""How a study fits one data set."""
