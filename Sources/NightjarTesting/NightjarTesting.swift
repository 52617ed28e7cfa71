// NightjarTesting
