import AddonProtocol
import Foundation
import Testing

@Suite struct DefaultSocketPathTests {
    /// `Tests/schema/test_socket_path.py` checks the other SDKs against the same table.
    private static let table = "../fixtures/socket_paths.json"

    @Test func dependsOnTheEnvironmentAndTheUser() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: Self.table)
        let rows = try JSONReader.read(Array(Data(contentsOf: file))).arrayValue ?? []
        for row in rows {
            let user = try #require(row["user"]?.intValue)
            let path = DefaultSocketPath.of(environment: { row["environment"]?[$0]?.stringValue }, user: UInt32(user))
            #expect(row["path"]?.stringValue == path, "\(row["about"]?.stringValue ?? "")")
        }
        #expect(rows.count > 10)
    }
}
