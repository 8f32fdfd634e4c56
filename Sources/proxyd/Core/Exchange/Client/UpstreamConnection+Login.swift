import AddonProtocol

extension UpstreamConnection {
    /// Tells an upstream proxy, or the server of a reverse proxy, who we are: `upstream_auth`.
    func authorize(_ fields: inout HeaderFields, for client: Client) {
        guard let credentials = client.loop.options.upstreamAuth else { return }
        if takesAbsoluteForm { fields.set("Proxy-Authorization", credentials.field) }
        if destination == client.mode.reverseDestination, !isRedirected {
            fields.set("Authorization", credentials.field)
        }
    }
}
