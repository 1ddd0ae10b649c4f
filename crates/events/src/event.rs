use crate::catalogue::catalogue;
use crate::changes::{Changes, ConfigurationBackupSpec};
use crate::value::{EffectResult, Fixed, Number, RequestId};
use crate::{Operation, Outcome, Reason, Timestamp, User};
use std::net::{IpAddr, SocketAddr};

catalogue! {
    /// Sent when a restore point has been removed.
    10050 RestorePointDeleted "Restore Point Deleted" [Warning]
    {
        oib_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        original_oib_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        vm_ref: Option<String> = some("laptop"),
        vm_name: String = "laptop".to_owned(),
        server_name: Option<String> = some("vbrsrv01"),
        date_time: Option<Timestamp> = Some(Timestamp(1_763_634_577_000_000)),
        is_corrupted: Option<bool> = Some(false),
        platform: Option<String> = some("restic"),
        storage_size: Option<u64> = Some(104_857_600),
        repository_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        is_full: Option<bool> = Some(true),
        user_name: String = "TECH\\user1".to_owned() => description,
        request_id: Option<String> = None,
        result: Option<Outcome> = None,
    }
    ("OibID" = oib_id, "OriginalOibID" = original_oib_id, "VmRef" = vm_ref, "VmName" = vm_name, "ServerName" = server_name, "DateTime" = date_time, "IsCorrupted" = is_corrupted, "Platform" = platform, "StorageSize" = storage_size, "RepositoryID" = repository_id, "IsFull" = is_full, "RequestId" = request_id as RequestId, "Result" = result as EffectResult)
    ["Restore point for VM '", vm_name, "' has been removed by user ", user_name, "."]

    /// Sent when a service provider has been deleted.
    27600 ServiceProviderDeleted "Service Provider Deleted" [Warning]
    {
        provider_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        provider_name: String = "provider01".to_owned(),
        user_name: String = "TECH\\user1".to_owned(),
        request_id: Option<String> = None,
        result: Option<Outcome> = None,
    }
    ("ProviderID" = provider_id, "ProviderName" = provider_name, "UserName" = user_name, "RequestId" = request_id as RequestId, "Result" = result as EffectResult)
    ["Service provider ", provider_name, " has been deleted."]

    /// Sent when a backup repository has been added.
    28000 RepositoryAdded "Backup Repository Added" [Info]
    {
        repository_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        repository_type: Option<String> = some("LinuxLocal"),
        repository_name: String = "main".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "main").property("Path", "String", "", "/srv/backups"),
        user_name: String = "TECH\\user1".to_owned(),
        user: User = User::local("TECH\\user1"),
    }
    ("RepositoryID" = repository_id, "Type" = repository_type, "RepositoryName" = repository_name, "ChangesXML" = changes, "UserName" = user_name, "UserFullInfo" = user)
    ["Backup repository ", repository_name, " has been created."]

    /// Sent when a backup repository has been deleted.
    28200 RepositoryDeleted "Backup Repository Deleted" [Warning]
    {
        repository_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        repository_type: Option<String> = some("LinuxLocal"),
        repository_name: String = "main".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "main").property("Path", "String", "", "/srv/backups"),
        user_name: String = "TECH\\user1".to_owned(),
        user: User = User::local("TECH\\user1"),
        request_id: Option<String> = None,
        result: Option<Outcome> = None,
    }
    ("RepositoryID" = repository_id, "Type" = repository_type, "RepositoryName" = repository_name, "ChangesXML" = changes, "UserName" = user_name, "UserFullInfo" = user, "RequestId" = request_id as RequestId, "Result" = result as EffectResult)
    ["Backup repository ", repository_name, " has been deleted."]

    /// Sent when the general settings of the backup server have been changed.
    31000 GeneralSettingsUpdated "General Settings Updated" [Info]
    {
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "options").property("ExpiryDays", "Int32", "7", "14"),
        user_name: String = "TECH\\user1".to_owned(),
    }
    ("ChangesXML" = changes, "UserName" = user_name)
    ["Backup server general options have been changed"]

    /// Sent when a user or a group has been added.
    31200 UserAdded "User or Group Added" [Info]
    {
        id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        name: String = "TECH\\user3".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "TECH\\user3").attribute("assignedRoleName", "Backup Administrator"),
        user_name: String = "TECH\\user1".to_owned(),
        user: User = User::local("TECH\\user1"),
    }
    ("ID" = id, "Name" = name, "ChangesXML" = changes, "UserName" = user_name, "UserFullInfo" = user)
    ["User or group ", name, " has been added."]

    /// Sent when a user or a group could not be added.
    31210 AddingUserFailed "Adding User or Group Failed" [Warning]
    {
        id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        name: String = "TECH\\user3".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "TECH\\user3").attribute("assignedRoleName", "Backup Administrator"),
        user_name: String = "TECH\\user1".to_owned(),
        user: User = User::local("TECH\\user1"),
    }
    ("ID" = id, "Name" = name, "ChangesXML" = changes, "UserName" = user_name, "UserFullInfo" = user)
    ["Failed to add a user or a group: [", name, "]"]

    /// Sent when a user or a group has been deleted.
    31400 UserDeleted "User or Group Deleted" [Warning]
    {
        id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        name: String = "TECH\\user3".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "TECH\\user3").attribute("assignedRoleName", "Backup Administrator"),
        user_name: String = "TECH\\user1".to_owned(),
        user: User = User::local("TECH\\user1"),
    }
    ("ID" = id, "Name" = name, "ChangesXML" = changes, "UserName" = user_name, "UserFullInfo" = user)
    ["User or group ", name, " has been deleted."]

    /// Sent when multi-factor authentication has been enabled for all.
    40200 MfaEnabled "Multi-Factor Authentication Enabled" [Info]
    {
        user: User = User::local("TECH\\user1"),
    }
    ("UserFullInfo" = user)
    ["Multi-factor authentication has been enabled by ", user, "."]

    /// Sent when multi-factor authentication has been disabled for all.
    40201 MfaDisabled "Multi-Factor Authentication Disabled" [Info] attack "T1556"
    {
        user: User = User::local("TECH\\user1"),
    }
    ("UserFullInfo" = user)
    ["Multi-factor authentication has been disabled by ", user, "."]

    /// Sent when the second factor of an account has been reset.
    40202 MfaTokenRevoked "Multi-Factor Authentication Token Revoked" [Info] attack "T1586" attack "T1111"
    {
        target: String = "TECH\\user3".to_owned() => description,
        user: User = User::local("TECH\\user1"),
    }
    ("UserFullInfo" = user)
    ["Multi-factor authentication token has been reset for ", target, " by ", user, "."]

    /// Sent when multi-factor authentication has been enabled for one account.
    40203 MfaForUserEnabled "Multi-Factor Authentication for User Enabled" [Info]
    {
        target: String = "TECH\\user3".to_owned() => description,
        user: User = User::local("TECH\\user1"),
    }
    ("UserFullInfo" = user)
    ["Multi-factor authentication has been enabled for ", target, " by ", user, "."]

    /// Sent when multi-factor authentication has been disabled for one account.
    40204 MfaForUserDisabled "Multi-Factor Authentication for User Disabled" [Info] attack "T1556"
    {
        target: String = "TECH\\user3".to_owned() => description,
        user: User = User::local("TECH\\user1"),
    }
    ("UserFullInfo" = user)
    ["Multi-factor authentication has been disabled for ", target, " by ", user, "."]

    /// Sent when a wrong code has been entered.
    40205 InvalidMfaCode "Invalid Code for Multi-Factor Authentication Entered" [Info] attack "T1586" attack "T1111"
    {
        user_name: String = "TECH\\user1".to_owned(),
        endpoint: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 52_182))),
        sid: Option<String> = some("S-1-5-21-3623811015-3361044348-30300820-1013"),
    }
    ("UserName" = user_name, "Endpoint" = endpoint, "SID" = sid)
    ["Invalid MFA code has been entered for ", user_name]

    /// Sent when an account has been locked out after too many wrong codes.
    40206 MfaAttemptsExceeded "Allowed Attempts for Multi-Factor Authentication Exceeded" [Info] attack "T1586"
    {
        user_name: String = "TECH\\user1".to_owned(),
        endpoint: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 52_182))),
        sid: Option<String> = some("S-1-5-21-3623811015-3361044348-30300820-1013"),
    }
    ("UserName" = user_name, "Endpoint" = endpoint, "SID" = sid)
    ["User ", user_name, " has been locked out by entering too many invalid MFA codes."]

    /// Sent when a code has been entered that was used before.
    40207 MfaCodeReused "Code for Multi-Factor Authentication Already Used" [Info] attack "T1586"
    {
        user_name: String = "TECH\\user1".to_owned(),
        endpoint: Option<SocketAddr> = Some(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 52_182))),
        sid: Option<String> = some("S-1-5-21-3623811015-3361044348-30300820-1013"),
    }
    ("UserName" = user_name, "Endpoint" = endpoint, "SID" = sid)
    ["An attempt to use already validated MFA code has been performed for ", user_name, "."]

    /// Sent when a backup of the configuration has ended.
    40700 ConfigurationBackupFinished "Configuration Backup Job Finished" [Info, Warning, Error] by outcome
    {
        spec: Option<ConfigurationBackupSpec> = Some(ConfigurationBackupSpec { target: "main".to_owned(), encrypted: true }),
        user: Option<User> = Some(User::local("TECH\\user1")),
        outcome: Outcome = Outcome::Success => severity,
    }
    ("ConfigurationBackupSpecXML" = spec, "UserFullInfo" = user)
    ["Configuration backup has been completed. Result: ", outcome, "."]

    /// Sent when the configuration has been restored.
    40800 ConfigurationRestoreFinished "Configuration Restore Session Finished" [Info, Warning, Error] by outcome
    {
        user: Option<User> = Some(User::local("TECH\\user1")),
        outcome: Outcome = Outcome::Success => severity,
    }
    ("UserFullInfo" = user)
    ["Configuration restore has been performed"]

    /// Sent when a storage has been added.
    41400 StorageAdded "Storage Added" [Info]
    {
        storage_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        storage_type: Option<String> = some("FileSystem"),
        name: String = "main".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "main").property("Path", "String", "", "/srv/backups"),
        user_name: String = "TECH\\user1".to_owned(),
    }
    ("StorageID" = storage_id, "Type" = storage_type, "Name" = name, "ChangesXML" = changes, "UserName" = user_name)
    ["Storage ", name, " has been created."]

    /// Sent when a storage has been deleted.
    41402 StorageDeleted "Storage Deleted" [Warning]
    {
        storage_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
        storage_type: Option<String> = some("FileSystem"),
        name: String = "main".to_owned(),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "main").property("Path", "String", "", "/srv/backups"),
        user_name: String = "TECH\\user1".to_owned(),
        request_id: Option<String> = None,
        result: Option<Outcome> = None,
    }
    ("StorageID" = storage_id, "Type" = storage_type, "Name" = name, "ChangesXML" = changes, "UserName" = user_name, "RequestId" = request_id as RequestId, "Result" = result as EffectResult)
    ["Storage ", name, " has been deleted."]

    /// Sent when an attempt to delete a backup was refused.
    41800 DeleteBackupFailed "Attempt to Delete Backup Failed" [Warning]
    {
        endpoint: SocketAddr = SocketAddr::from(([198, 51, 100, 15], 52_182)),
        user_name: Option<String> = some("TECH\\user1"),
        request_id: Option<String> = None,
    }
    ("EventType": Fixed("UnsuccessfulAttemptToDeleteBackup"), "Endpoint" = endpoint, "UserName" = user_name, "RequestId" = request_id as RequestId)
    ["Failed attempt to delete backup from \"", endpoint, "\"."]

    /// Sent when an attempt to change a security object was refused.
    41810 UpdateSecurityObjectFailed "Attempt To Update Security Object Failed" [Warning]
    {
        endpoint: SocketAddr = SocketAddr::from(([198, 51, 100, 15], 52_182)),
        user_name: Option<String> = some("TECH\\user1"),
    }
    ("EventType": Fixed("UnsuccessfulAttemptToModifySecurityObject"), "Endpoint" = endpoint, "UserName" = user_name)
    ["Failed attempt to change security object from \"", endpoint, "\"."]

    /// Sent when four-eyes authorization has been enabled.
    42400 FourEyesEnabled "Four-Eyes Authorization Enabled" [Info]
    {
        initiator: User = User::local("TECH\\user1"),
    }
    ("Operation": Fixed("Four-eyes authorization has been enabled"), "OperationId": Number(0), "InitiatorFullInfo" = initiator)
    ["Four-eyes authorization has been enabled by ", initiator, "."]

    /// Sent when four-eyes authorization has been disabled.
    42401 FourEyesDisabled "Four-Eyes Authorization Disabled" [Info] attack "T1565"
    {
        initiator: User = User::local("TECH\\user1"),
        request_id: Option<String> = None,
        result: Option<Outcome> = None,
    }
    ("Operation": Fixed("Four-eyes authorization has been disabled"), "OperationId": Number(1), "InitiatorFullInfo" = initiator, "RequestId" = request_id as RequestId, "Result" = result as EffectResult)
    ["Four-eyes authorization has been disabled by ", initiator, "."]

    /// Sent when a user creates a four-eyes authorization request.
    42402 FourEyesRequestCreated "Four-Eyes Authorization Request Created" [Info] attack "T1485" page "https://helpcenter.veeam.com/docs/vbr/events/event_42402.html"
    {
        operation: Operation = Operation::DisableFourEyes,
        initiator: User = User::local("TECH\\user1"),
        request_id: Option<String> = None,
    }
    ("Operation" = operation, "OperationId": Number(operation.id()), "InitiatorFullInfo" = initiator, "RequestId" = request_id as RequestId)
    [operation, " event has been initiated by ", initiator, " and requires an additional approval."]

    /// Sent when a user approves a four-eyes authorization request.
    42403 FourEyesRequestApproved "Four-Eyes Authorization Request Approved" [Info] page "https://helpcenter.veeam.com/docs/vbr/events/event_42403.html"
    {
        operation: Operation = Operation::DisableFourEyes,
        initiator: User = User::local("TECH\\user1"),
        supervisor: User = User::local("TECH\\user2"),
        request_id: Option<String> = None,
    }
    ("Operation" = operation, "OperationId": Number(operation.id()), "InitiatorFullInfo" = initiator, "SupervisorFullInfo" = supervisor, "RequestId" = request_id as RequestId)
    [operation, " event initiated by ", initiator, " has been approved by ", supervisor, "."]

    /// Sent when a user rejects a four-eyes authorization request.
    42404 FourEyesRequestRejected "Four-Eyes Authorization Request Rejected" [Info] attack "T1565"
    {
        operation: Operation = Operation::DisableFourEyes,
        initiator: User = User::local("TECH\\user1"),
        supervisor: User = User::local("TECH\\user2"),
        request_id: Option<String> = None,
    }
    ("Operation" = operation, "OperationId": Number(operation.id()), "InitiatorFullInfo" = initiator, "SupervisorFullInfo" = supervisor, "RequestId" = request_id as RequestId)
    [operation, " event initiated by ", initiator, " has been rejected by ", supervisor, "."]

    /// Sent when a four-eyes authorization request has expired without a decision.
    42405 FourEyesRequestExpired "Four-Eyes Authorization Request Expired" [Info] attack "T1565"
    {
        operation: Operation = Operation::DisableFourEyes,
        initiator: User = User::local("TECH\\user1"),
        request_id: Option<String> = None,
    }
    ("Operation" = operation, "OperationId": Number(operation.id()), "InitiatorFullInfo" = initiator, "RequestId" = request_id as RequestId)
    [operation, " event initiated by ", initiator, " has expired while waiting for additional approval and was auto-rejected."]

    /// Sent when the settings of the SAML identity provider have been changed.
    42800 SamlSettingsUpdated "SAML Settings Updated" [Info]
    {
        client_id: Option<String> = some("veeam-backup-web-ui"),
        user_name: String = "TECH\\user1".to_owned(),
        idp_entity_id: Option<String> = some("https://idp.tech.local/metadata"),
        changes: Changes = Changes::object("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11", "SAML").property("Enabled", "Boolean", "False", "True"),
    }
    ("ClientId" = client_id, "UserName" = user_name, "IdpEntityId" = idp_entity_id, "XmlChange" = changes)
    ["SAML Identity Provider options has been changed."]

    /// Sent when a token has been given out.
    44000 TokenRequestApproved "Token Request Approved" [Info]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        grant_type: Option<String> = some("authorization_code"),
        friendly_name: Option<String> = some("veeamadmin"),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        expiration: Option<Timestamp> = Some(Timestamp(1_763_634_577_000_000)),
        refresh_token_chain_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "GrantType" = grant_type, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "ExpirationTimeUtc" = expiration, "RefreshTokenChainId" = refresh_token_chain_id)
    ["Token request was successful."]

    /// Sent when a token was refused.
    44001 TokenRequestRejected "Token Request Rejected" [Warning]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        grant_type: Option<String> = some("authorization_code"),
        friendly_name: Option<String> = some("veeamadmin"),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        reason: Reason = Reason::Unauthenticated,
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "GrantType" = grant_type, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "Reason" = reason)
    ["Token request was denied: ", reason]

    /// Sent when a user was not authorized during interactive logon.
    44002 UserAuthorizationDenied "User Authorization Denied" [Warning] page "https://helpcenter.veeam.com/docs/vbr/events/event_44002.html"
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        friendly_name: Option<String> = some("veeamadmin"),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        redirect_uri: Option<String> = some("/"),
        reason: Reason = Reason::Unauthenticated,
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "RedirectUri" = redirect_uri, "Reason" = reason)
    ["Authorization request was denied: ", reason]

    /// Sent when a user was authorized during interactive logon.
    44003 UserAuthorizationGranted "User Authorization Granted" [Info]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        friendly_name: Option<String> = some("veeamadmin"),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        redirect_uri: Option<String> = some("/"),
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "RedirectUri" = redirect_uri)
    ["Authorization was successful."]

    /// Sent when a user must change the password before going on.
    44004 PasswordChangeRequired "Password Change Required" [Info]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        friendly_name: String = "veeamadmin".to_owned(),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        redirect_uri: Option<String> = some("/"),
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "RedirectUri" = redirect_uri)
    ["Password change is required for ", friendly_name, "."]

    /// Sent when a refresh token and all that came from it have been revoked.
    44005 TokenChainRevoked "Token Chain Revoked" [Info]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        chain_id: Option<String> = some("2f6e1c58-6d0d-4b5e-9f6b-2b0a4a5a7c11"),
    }
    ("SourceIpAddress" = source_ip_address, "ChainId" = chain_id)
    ["Token chain was revoked."]

    /// Sent when a token was shown to a resource that it is not for.
    44006 ResourceAccessDenied "Resource Access Denied" [Info]
    {
        source_ip_address: Option<IpAddr> = Some(IpAddr::from([198, 51, 100, 15])),
        client_id: Option<String> = some("veeam-backup-web-ui"),
        friendly_name: Option<String> = some("veeamadmin"),
        subject: Option<String> = some("UID-veeamadmin"),
        resource_id: Option<String> = some("veeam-gateway-api-service"),
        expected_resource_ids: Vec<String> = vec!["countersign-api".to_owned(), "countersign-web".to_owned()],
    }
    ("SourceIpAddress" = source_ip_address, "ClientId" = client_id, "FriendlyName" = friendly_name, "Subject" = subject, "ResourceId" = resource_id, "ExpectedResourceIds" = expected_resource_ids)
    ["Access to the resource was denied."]

}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
