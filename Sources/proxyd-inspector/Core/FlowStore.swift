import AddonProtocol
import Foundation
import GRDB
import Synchronization

/// The flows that the inspector has seen, in SQLite: for each the daemon's row, and once it has ended also its snapshot, bodies
/// and messages. The oldest flows are deleted when the file would exceed its limit.
package final class FlowStore: Sendable {
    /// How much of each text body is searchable, in bytes.
    static let searchedBytes = 65_536
    /// The size is checked whenever this fraction of the limit has been written.
    private static let partBetweenLooks = 64
    /// The additional room for the write-ahead log, in bytes.
    private static let logBytes = 12 << 20

    /// Usually more than the number of ended flows that a daemon remembers.
    private static let remembered = 10_000

    let database: DatabasePool
    /// The limit for the file with its log, in bytes.
    package let limit: Int
    /// The path of the file; nil when it is temporary.
    package let path: String?
    private let temporary: TemporaryFolder?
    private let file: StoreFile
    /// The number of flows.
    let flows: Mutex<Int>
    private let written = Mutex(0)

    /// - Parameters:
    ///   - path: the file; nil: a temporary one, which is removed with the inspector.
    ///   - limit: the size limit in bytes.
    package init(path: String?, limit: Int) throws {
        let folder = path == nil ? try TemporaryFolder() : nil
        let file = try StoreFile(path ?? (folder?.path ?? "") + "/flows.sqlite")
        do {
            database = try Self.open(file.path, limit)
            flows = Mutex(try database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM flow") ?? 0 })
        } catch let error as DatabaseError {
            throw StoreError(file.path, error.message ?? "\(error)")
        }
        (self.path, self.limit, self.file, temporary) = (path, limit, file, folder)
    }

    /// Removes a temporary store. It stays open, since flows may still be written to it until the process ends.
    func close() {
        guard let temporary else { return (try? database.close()) ?? () }
        temporary.remove()
    }

    deinit { close() }

    private static func open(_ path: String, _ limit: Int) throws -> DatabasePool {
        var configuration = Configuration()
        let logPages = min(max(limit / 64 / 4_096, 64), 1_000)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA cache_size = -16384")
            guard !database.configuration.readonly else { return }
            // Losing the last flows when the machine crashes is acceptable; the log prevents damage to the file.
            try database.execute(
                sql: """
                    PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = OFF;
                    PRAGMA application_id = \(StoreFile.applicationID);
                    PRAGMA wal_autocheckpoint = \(logPages); PRAGMA journal_size_limit = \(logPages * 4_096)
                    """
            )
        }
        configuration.maximumReaderCount = 4
        configuration.busyMode = .timeout(5)
        let database = try DatabasePool(path: path, configuration: configuration)
        guard try !database.read(schema.hasBeenSuperseded) else {
            throw StoreError(path, "a newer version of the inspector has written it")
        }
        try schema.migrate(database)
        return database
    }

    /// Rows are stored apart from everything large, so that many of them can be read fast.
    private static var schema: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE flow (
                        key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, row BLOB NOT NULL, host BLOB,
                        imported INTEGER NOT NULL DEFAULT 0
                    );
                    CREATE TABLE ended (key INTEGER PRIMARY KEY, detail BLOB NOT NULL, request BLOB, response BLOB);
                    CREATE TABLE changes (key INTEGER PRIMARY KEY, json BLOB NOT NULL);
                    CREATE TABLE message (
                        flow INTEGER NOT NULL, number INTEGER NOT NULL, json BLOB NOT NULL, PRIMARY KEY (flow, number)
                    );
                    CREATE TABLE forgotten (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
                    CREATE VIRTUAL TABLE words USING fts5(url, heads, bodies);
                    """
            )
        }
        return migrator
    }

    var flowCount: Int { flows.withLock(\.self) }

    // MARK: Size

    /// The bytes of the file that are in use, and the number of flows.
    package func size() throws -> (bytes: Int, flows: Int) {
        (try database.read(Self.used), flowCount)
    }

    private static func used(_ database: Database) throws -> Int {
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let free = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        let page = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        return (pages - free) * page
    }

    /// Counts bytes that were written, and checks now and then whether the oldest flows must be deleted.
    ///
    /// - Returns: the smallest remaining key, if some were deleted.
    func wrote(_ bytes: Int) throws -> Int? {
        let isDue = written.withLock { written in
            written += bytes
            guard written >= limit / Self.partBetweenLooks else { return false }
            written = 0
            return true
        }
        return isDue ? try forgetOldest() : nil
    }

    /// How much of the limit may be in use; the rest is for the log.
    private var usable: Int { max(limit / 100 * 40, min(limit / 4 * 3, limit - Self.logBytes)) }

    /// Deletes the oldest flows, in small steps so that the log stays small too.
    private func forgetOldest() throws -> Int? {
        var left: Int?
        while flowCount > 0 {
            let first: Int? = try change { database in
                guard try Self.used(database) > usable else { return nil }
                let count = max(1, flowCount / 50)
                let sql = "SELECT key FROM flow ORDER BY key LIMIT 1 OFFSET ?"
                let first = try Int.fetchOne(database, sql: sql, arguments: [count]) ?? Int.max
                try delete(database, "key < ?", [first])
                // Deletions leave marks in the index until its parts are merged.
                try database.execute(sql: "INSERT INTO words (words, rank) VALUES ('merge', 50)")
                try database.execute(sql: "PRAGMA incremental_vacuum")
                return first
            }
            guard let first else { break }
            left = first
            // The log is no longer needed, unless somebody is reading.
            _ = try? database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
        }
        return left
    }

    /// Applies everything that `change` writes, including the count, or nothing.
    func change<Value>(_ change: (Database) throws -> Value) throws -> Value {
        do {
            return try database.write(change)
        } catch {
            if let count = try? database.read({ try Int.fetchOne($0, sql: "SELECT count(*) FROM flow") }) {
                flows.withLock { $0 = count }
            }
            throw error
        }
    }

    /// Deletes the flows that match `condition`, with everything that belongs to them. The daemon may report some of them again, so
    /// the most recently deleted ids are remembered.
    @discardableResult
    func delete(_ database: Database, _ condition: String, _ arguments: StatementArguments) throws -> Int {
        let chosen = "SELECT key FROM flow WHERE \(condition)"
        for theirs in ["words WHERE rowid", "message WHERE flow", "ended WHERE key", "changes WHERE key"] {
            try database.execute(sql: "DELETE FROM \(theirs) IN (\(chosen))", arguments: arguments)
        }
        let last = "key > (SELECT max(key) FROM flow) - \(Self.remembered)"
        try database.execute(
            sql: "INSERT OR IGNORE INTO forgotten SELECT key, id FROM flow WHERE (\(condition)) AND \(last)",
            arguments: arguments
        )
        try database.execute(sql: "DELETE FROM forgotten WHERE NOT \(last)")
        try database.execute(sql: "DELETE FROM flow WHERE \(condition)", arguments: arguments)
        let count = database.changesCount
        flows.withLock { $0 -= count }
        return count
    }
}
