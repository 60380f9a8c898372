"""Reports keeps nothing. Django sends `post_migrate` only to apps with this module, and the roles are made there."""
