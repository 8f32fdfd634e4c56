import Foundation

/// A path as a user wrote it, in which a leading `~` stands for the home folder.
package struct UserPath: Sendable, Equatable {
    /// What was written; this is what option listings show.
    package var text: String

    package init(_ text: String) {
        self.text = text
    }

    /// The path to open.
    package var path: String { NSString(string: text).expandingTildeInPath }
}
