"""What each action leads to: the arrays that consistency and regrets are read off."""
