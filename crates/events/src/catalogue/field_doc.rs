/// What a field of an event is, by its name: the same name means the same in every event. A field that is not described here
/// does not compile.
macro_rules! field_doc {
    (chain_id) => {
        "The token chain that was revoked."
    };
    (changes) => {
        "What has been changed."
    };
    (client_id) => {
        "The id of the client application (seed page 44002)."
    };
    (date_time) => {
        "When the restore point was made."
    };
    (endpoint) => {
        "The address and port that the caller came from."
    };
    (expected_resource_ids) => {
        "The resources that the token is for."
    };
    (expiration) => {
        "When the token ends, in whole seconds on the wire."
    };
    (friendly_name) => {
        "The user's name (seed page 44002)."
    };
    (grant_type) => {
        "The OAuth 2.0 grant type (RFC 6749 section 1.3)."
    };
    (id) => {
        "The account's id."
    };
    (idp_entity_id) => {
        "The entity id of the SAML 2.0 identity provider."
    };
    (initiator) => {
        "Who initiated the operation (seed page 42402)."
    };
    (is_corrupted) => {
        "Whether the restore point was found damaged."
    };
    (is_full) => {
        "Whether the restore point stands by itself, without others before it."
    };
    (name) => {
        "The name of what it was done to."
    };
    (oib_id) => {
        "The id of the restore point."
    };
    (operation) => {
        "What is asked for (seed page 42402)."
    };
    (original_oib_id) => {
        "The id of the restore point that this one is a copy of."
    };
    (outcome) => {
        "How it ended; the severity tells it on the wire."
    };
    (platform) => {
        "The program that made the backup, `restic` for instance."
    };
    (provider_id) => {
        "The service provider's id."
    };
    (provider_name) => {
        "The service provider's name."
    };
    (reason) => {
        "Why it was declined (seed page 44002)."
    };
    (redirect_uri) => {
        "Where the client asked to be sent back to (seed page 44002)."
    };
    (refresh_token_chain_id) => {
        "The chain of refresh tokens that the token begins or goes on."
    };
    (repository_id) => {
        "The repository's id."
    };
    (repository_name) => {
        "The repository's name."
    };
    (repository_type) => {
        "The repository's kind, `LinuxLocal` for instance."
    };
    (request_id) => {
        "The four-eyes request; sent as `RequestId` only when the setting says so."
    };
    (resource_id) => {
        "The id of the resource that was asked for (seed page 44002)."
    };
    (result) => {
        "How the effect ended; sent as `Result` only when the setting says so."
    };
    (server_name) => {
        "The server that holds the backup."
    };
    (sid) => {
        "The user's security identifier."
    };
    (source_ip_address) => {
        "The address of the client application (seed page 44002)."
    };
    (spec) => {
        "What the backup holds and where it went."
    };
    (storage_id) => {
        "The storage's id."
    };
    (storage_size) => {
        "The size of the restore point, in octets."
    };
    (storage_type) => {
        "The storage's kind, `FileSystem` for instance."
    };
    (subject) => {
        "The user's security identifier (seed page 44002)."
    };
    (supervisor) => {
        "Who decided (seed page 42403)."
    };
    (target) => {
        "The account it was done to; the Description alone tells it on the wire."
    };
    (user) => {
        "Who did it."
    };
    (user_name) => {
        "The name of who did it."
    };
    (vm_name) => {
        "The name of the machine that was backed up."
    };
    (vm_ref) => {
        "The machine's id in its own platform."
    };
}
pub(crate) use field_doc;
