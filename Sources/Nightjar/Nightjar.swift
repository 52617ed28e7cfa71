// Nightjar
