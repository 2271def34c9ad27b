"""The team: invitations, passphrases, roles, removal, and the vault's keys that go with them."""
