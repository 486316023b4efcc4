"""What several tests share: golden values, the hand-made network and the synthetic sequence."""
