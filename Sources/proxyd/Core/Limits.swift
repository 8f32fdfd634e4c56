/// Every bound of a queue, buffer, wait or table, in one place. Those that a user may want to set are options.
struct Limits: Sendable {
    /// The largest request or response head, in bytes (request line and fields together).
    var headBytes = 64 * 1024
    /// The most fields in one head or trailer section.
    var headFields = 200
}
