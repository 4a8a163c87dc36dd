public import BatonCore
import FoundationEssentials

/// A ConfigMap or a Secret, as much of it as is wanted.
public struct KubernetesObject: Sendable, Hashable {
    public let uid: String
    public let version: String
    /// Content by key.
    public let files: [String: [UInt8]]

    public init(uid: String, version: String, files: [String: [UInt8]]) {
        self.uid = uid
        self.version = version
        self.files = files
    }
}

/// One line of a watch.
public enum WatchEvent: Sendable, Hashable {
    case added(KubernetesObject)
    case modified(KubernetesObject)
    case deleted(version: String)
    /// A sign of life, with the version up to which nothing is missing.
    case bookmark(version: String, endsInitialEvents: Bool)
    case error(APIStatus)
}

/// A Status, the API's way to say no.
public struct APIStatus: Sendable, Hashable {
    public let code: Int
    public let reason: String
    public let message: String

    public init(code: Int, reason: String, message: String) {
        self.code = code
        self.reason = reason
        self.message = message
    }
}

/// A list: the object if there is one, and the version that it was made at.
public struct ObjectList: Sendable, Hashable {
    public let version: String
    public let object: KubernetesObject?
}

public struct Undecodable: Error, Hashable, Sendable {
    public let reason: String
}

/// The API's JSON.
public struct ObjectDecoder: Sendable {
    private let kind: ObjectSource.Kind

    public init(_ kind: ObjectSource.Kind) { self.kind = kind }

    public func event(_ line: some Collection<UInt8>) throws(Undecodable) -> WatchEvent {
        let raw = try decode(RawEvent.self, line)
        switch raw.type {
        case "ADDED": return .added(try object(raw.object))
        case "MODIFIED": return .modified(try object(raw.object))
        case "DELETED": return .deleted(version: raw.object.metadata?.resourceVersion ?? "")
        case "BOOKMARK":
            return .bookmark(
                version: raw.object.metadata?.resourceVersion ?? "",
                endsInitialEvents: raw.object.metadata?.annotations?["k8s.io/initial-events-end"] == "true")
        case "ERROR": return .error(status(raw.object))
        default: throw Undecodable(reason: "an event of unknown type \(raw.type.prefix(40))")
        }
    }

    public func object(_ body: some Collection<UInt8>) throws(Undecodable) -> KubernetesObject {
        try object(try decode(RawObject.self, body))
    }

    public func list(_ body: some Collection<UInt8>) throws(Undecodable) -> ObjectList {
        let raw = try decode(RawList.self, body)
        guard let version = raw.metadata.resourceVersion else { throw Undecodable(reason: "a list without a version") }
        return ObjectList(
            version: version, object: try raw.items?.first.map { item throws(Undecodable) in try object(item) })
    }

    /// What a refusal says; an answer need not be a Status (429 comes as plain text).
    public func status(_ body: some Collection<UInt8>, code: Int) -> APIStatus {
        if let raw = try? decode(RawObject.self, body), raw.message != nil || raw.reason != nil {
            return APIStatus(code: raw.code ?? code, reason: raw.reason ?? "", message: raw.message ?? "")
        }
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        return APIStatus(code: code, reason: "", message: text)
    }

    private func status(_ raw: RawObject) -> APIStatus {
        APIStatus(code: raw.code ?? 0, reason: raw.reason ?? "", message: raw.message ?? "")
    }

    private func object(_ raw: RawObject) throws(Undecodable) -> KubernetesObject {
        guard let uid = raw.metadata?.uid, let version = raw.metadata?.resourceVersion else {
            throw Undecodable(reason: "an object without uid or resourceVersion")
        }
        var files: [String: [UInt8]] = [:]
        for (key, text) in raw.data ?? [:] {
            files[key] = kind == .secret ? try base64(text, key) : Array(text.utf8)
        }
        for (key, text) in raw.binaryData ?? [:] { files[key] = try base64(text, key) }
        return KubernetesObject(uid: uid, version: version, files: files)
    }

    /// The key is named where it fails; the value never is.
    private func base64(_ text: String, _ key: String) throws(Undecodable) -> [UInt8] {
        guard let data = Data(base64Encoded: text) else {
            throw Undecodable(reason: "the value of key \(key) is not valid base64")
        }
        return Array(data)
    }

    /// Why it fails is told without a word of the content.
    private func decode<T: Decodable>(_ type: T.Type, _ bytes: some Collection<UInt8>) throws(Undecodable) -> T {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch let error as DecodingError {
            switch error {
            case .keyNotFound(let key, _): throw Undecodable(reason: "\(key.stringValue) is missing")
            case .typeMismatch(_, let context), .valueNotFound(_, let context):
                let path = context.codingPath.map(\.stringValue).joined(separator: ".")
                throw Undecodable(reason: "\(path) has the wrong type")
            default: throw Undecodable(reason: "not valid JSON")
            }
        } catch { throw Undecodable(reason: "not valid JSON") }
    }

    private struct RawEvent: Decodable {
        let type: String
        let object: RawObject
    }

    private struct RawList: Decodable {
        let metadata: Metadata
        let items: [RawObject]?
    }

    private struct RawObject: Decodable {
        let metadata: Metadata?
        let data: [String: String]?
        let binaryData: [String: String]?
        let code: Int?
        let reason: String?
        let message: String?
    }

    private struct Metadata: Decodable {
        let uid: String?
        let resourceVersion: String?
        let annotations: [String: String]?
    }
}
