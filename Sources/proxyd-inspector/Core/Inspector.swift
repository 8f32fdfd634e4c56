import AddonSDK
import Foundation
import ProxyCore

/// The inspector: a page that shows a daemon's traffic, and the addon behind it.
package struct Inspector: Sendable {
    /// How to run an inspector.
    package struct Settings: Sendable {
        /// The path of the daemon's addon socket; nil: the default.
        package var socket: String?
        /// The token that the daemon gave to an inspector that it started.
        package var token: String?
        /// The token of the page; nil: a new one.
        package var pageToken: String?
        /// Where to serve the page.
        package var listen: ListenAddress
        /// The file that keeps the flows; nil: a temporary one.
        package var store: String?
        /// The size limit of the store, in bytes.
        package var storeLimit: Int
        /// Whether nothing may be changed from the page.
        package var isReadOnly: Bool

        /// Settings with these values.
        package init(
            socket: String?,
            token: String?,
            pageToken: String?,
            listen: ListenAddress,
            store: String?,
            storeLimit: Int,
            isReadOnly: Bool
        ) {
            self.socket = socket
            self.token = token
            self.pageToken = pageToken
            self.listen = listen
            self.store = store
            self.storeLimit = storeLimit
            self.isReadOnly = isReadOnly
        }
    }

    /// The interval of keep-alive comments to the pages.
    static let commentPause = Duration.seconds(5)

    /// The address to open in a browser.
    package let address: String
    private let store: FlowStore
    private let server: InspectorServer
    private let link: DaemonLink
    private let keeper: FlowKeeper
    private let pages: LivePages
    private let breakpoints: Breakpoints

    /// Opens the store and prepares to serve the page.
    package init(_ settings: Settings) throws {
        store = try FlowStore(path: settings.store, limit: settings.storeLimit)
        let listen = try settings.listen.chosen()
        let token = settings.pageToken ?? randomToken()
        let status = InspectorStatus()
        pages = LivePages(store, status)
        link = DaemonLink(socket: settings.socket, token: settings.token, status)
        keeper = FlowKeeper(store, pages, status)
        breakpoints = Breakpoints(link, pages)
        let routes = Routes(
            store: store,
            status: status,
            pages: pages,
            breakpoints: breakpoints,
            files: try PageFiles(),
            link: link,
            isReadOnly: settings.isReadOnly
        )
        server = try InspectorServer(listen, token: token, routes: routes)
        address = "http://\(listen)/?token=\(token)"
    }

    /// Runs until the daemon that started the inspector ends it, or this task is cancelled.
    ///
    /// - Parameter whenReady: called once the daemon has been reached and the page can be opened.
    package func run(_ whenReady: @escaping @Sendable () -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                try await server.waitUntilReady()
                try await link.run(keeper, breakpoints, pages, whenReady)
            }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.commentPause)
                    pages.sendComments()
                }
            }
            defer {
                group.cancelAll()
                keeper.finish()
            }
            try await group.next()
        }
    }

    /// Disconnects from the daemon, which resumes what is held, and removes a temporary store.
    package func end() async {
        await breakpoints.removeAll()
        await link.leave()
        store.close()
    }
}
