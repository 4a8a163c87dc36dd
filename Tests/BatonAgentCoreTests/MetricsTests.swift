import BatonAgentCore
import BatonCore
import Testing

@Suite struct MetricsTests {
    private func counter(_ name: String, _ label: String, _ value: String, _ count: Int64) -> StatusRecord {
        StatusRecord(.counter, [.text("name", name), .text(label, value), .number("value", count)])
    }

    @Test func aCounterHasALabelForWhatItTellsApart() {
        let records = [
            counter("config_changes_total", "outcome", "failed", 1),
            counter("config_applied_total", "proof", "probe", 2), counter("config_applied_total", "proof", "none", 0),
        ]
        let text = Metrics.text(records, [], .init(accept: nil))
        for line in [
            "# TYPE baton_config_applied_total counter", "baton_config_changes_total{outcome=\"failed\"} 1",
            "baton_config_applied_total{proof=\"probe\"} 2", "baton_config_applied_total{proof=\"none\"} 0",
        ] {
            #expect(text.contains(line + "\n"), "\(line) in \(text)")
        }
    }
}
