"""For the day that something happens: backup and restore, the drill, panic, what holds here."""
