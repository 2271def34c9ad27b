"""People as staff see them: lists, search, one person, copies, exports."""
