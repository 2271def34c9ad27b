"""Programs for those who work on Vigil: the environment, the catalogues of words."""
