"""The drill of the example incident: its certificates, its people, their mailboxes, and a faster clock."""
