// The conformance of a public type is public, and so are the imports that it needs.
public import ArgumentParser
public import Nightjar

extension RunRecord.Status: ExpressibleByArgument {}
