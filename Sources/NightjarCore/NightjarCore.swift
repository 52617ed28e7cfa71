// NightjarCore
