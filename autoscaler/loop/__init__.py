"""One application's observe, predict, decide, act, confirm; and many of them at once."""
