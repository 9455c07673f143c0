"""What each hypothesis says that trained agents will do, before any is trained."""
