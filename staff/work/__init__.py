"""Work that needs an open vault, done in the background after a key holder signs in."""
