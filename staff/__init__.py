"""Staff: sign-in, totals, contacts opened on the way to the page, exports, audit log."""
