import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

extension FlowTable {
    /// A table without a daemon around it: no addons, and default options.
    convenience init(alone group: some EventLoopGroup) throws {
        self.init(
            group,
            options: OptionStore(Options()),
            material: Published(try OptionMaterial(Options())),
            chain: Published(Chain()),
            log: Log(verbosity: .error, writer: try OutputWriter())
        )
    }
}
