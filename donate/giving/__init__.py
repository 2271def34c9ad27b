"""A donor's own gifts, by a private link: see, change, pause, cancel, yearly statement."""
