"""The door of the staff pages: who comes in, with what, and for how long."""
