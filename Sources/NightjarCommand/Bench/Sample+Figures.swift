import Nightjar

extension Sample {
    /// Median, 99 % and the greatest, in milliseconds.
    func figures(_ name: String) -> [(name: String, value: JSON)] {
        [
            ("\(name)_ms_p50", percentile(0.5)), ("\(name)_ms_p99", percentile(0.99)),
            ("\(name)_ms_max", percentile(1)),
        ]
    }
}
