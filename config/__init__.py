"""The ground floor: settings, database, languages, logging. Imports no other room."""
