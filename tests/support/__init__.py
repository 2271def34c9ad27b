"""What the tests are built on: servers, instances, builders."""
