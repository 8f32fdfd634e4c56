extension Options {
    /// Why clients may not CONNECT to this port; nil when they may.
    func refusal(ofConnectTo port: Int) -> String? {
        guard !connectPorts.isEmpty, !connectPorts.contains(port) else { return nil }
        let allowed = connectPorts.map(String.init).joined(separator: ", ")
        return "CONNECT to port \(port) is not allowed; connect_ports allows \(allowed)"
    }
}
