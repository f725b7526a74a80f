/* The tables of WANCommonInterfaceConfig:1 and WANIPConnection:2, and the actions that only tell.
 */
#include "service/nat/upnp_wan.h"
#include "base/writer.h"
#include "proto/upnp/soap.h"
#include "service/nat/portctl.h"

static bool address_outside(const struct upnp_turn *t, struct ip_address *ret)
{
	return portctl_external_address(t->upnp->list, &t->request->client.address, 4, ret) == OK;
}

/* --- WANCommonInterfaceConfig:1 --- */

static enum upnp_fault link_properties(struct upnp_turn *t)
{
	struct ip_address outside;
	upnp_put(t, "NewWANAccessType", "Ethernet");
	/* What the line carries is not known here. */
	upnp_put_number(t, "NewLayer1UpstreamMaxBitRate", 0);
	upnp_put_number(t, "NewLayer1DownstreamMaxBitRate", 0);
	upnp_put(t, "NewPhysicalLinkStatus", address_outside(t, &outside) ? "Up" : "Down");
	return UPNP_OK;
}

#define ARGUMENTS(a) .arguments = (a), .arguments_n = sizeof(a) / sizeof((a)[0])

static const struct upnp_argument link_arguments[] = {
	{"NewWANAccessType", true, "WANAccessType"},
	{"NewLayer1UpstreamMaxBitRate", true, "Layer1UpstreamMaxBitRate"},
	{"NewLayer1DownstreamMaxBitRate", true, "Layer1DownstreamMaxBitRate"},
	{"NewPhysicalLinkStatus", true, "PhysicalLinkStatus"},
};

static const struct upnp_action common_actions[] = {
	{"GetCommonLinkProperties", 1, ARGUMENTS(link_arguments), link_properties},
};

static const char *const access_types[] = {"DSL", "POTS", "Cable", "Ethernet", NULL};
static const char *const link_states[] = {"Up", "Down", NULL};

static const struct upnp_variable common_variables[] = {
	{"WANAccessType", "string", access_types},
	{"Layer1UpstreamMaxBitRate", "ui4", NULL},
	{"Layer1DownstreamMaxBitRate", "ui4", NULL},
	{"PhysicalLinkStatus", "string", link_states},
};

const struct upnp_service upnp_wan_common = {
	.name = "WANCommonInterfaceConfig",
	.version = 1,
	.id = "urn:upnp-org:serviceId:WANCommonIFC1",
	.device = UPNP_WAN,
	.actions = common_actions,
	.actions_n = sizeof(common_actions) / sizeof(common_actions[0]),
	.variables = common_variables,
	.variables_n = sizeof(common_variables) / sizeof(common_variables[0]),
};

/* --- WANIPConnection:2, what only tells --- */

static enum upnp_fault connection_type(struct upnp_turn *t)
{
	upnp_put(t, "NewConnectionType", "IP_Routed");
	upnp_put(t, "NewPossibleConnectionTypes", "IP_Routed");
	return UPNP_OK;
}

static enum upnp_fault status_info(struct upnp_turn *t)
{
	struct ip_address outside;
	upnp_put(t, "NewConnectionStatus",
		 address_outside(t, &outside) ? "Connected" : "Disconnected");
	upnp_put(t, "NewLastConnectionError", "ERROR_NONE");
	upnp_put_number(t, "NewUptime", (t->now_ms - t->upnp->started_ms) / 1000);
	return UPNP_OK;
}

static enum upnp_fault nat_status(struct upnp_turn *t)
{
	upnp_put(t, "NewRSIPAvailable", "0");
	upnp_put(t, "NewNATEnabled", "1");
	return UPNP_OK;
}

static enum upnp_fault external_address(struct upnp_turn *t)
{
	struct ip_address outside;
	char text[IP_ADDRESS_TEXT_MAX] = "";
	if (address_outside(t, &outside))
		ip_address_format(&outside, text);
	upnp_put(t, "NewExternalIPAddress", text);
	return UPNP_OK;
}

/* WANIPConnection:2 2.5: hosts that nobody has authorised do not switch the line. */
static enum upnp_fault not_authorized(struct upnp_turn *t)
{
	(void)t;
	return UPNP_NOT_AUTHORIZED;
}

static const struct upnp_argument type_arguments[] = {
	{"NewConnectionType", false, "ConnectionType"},
};
static const struct upnp_argument type_info_arguments[] = {
	{"NewConnectionType", true, "ConnectionType"},
	{"NewPossibleConnectionTypes", true, "PossibleConnectionTypes"},
};
static const struct upnp_argument status_arguments[] = {
	{"NewConnectionStatus", true, "ConnectionStatus"},
	{"NewLastConnectionError", true, "LastConnectionError"},
	{"NewUptime", true, "Uptime"},
};
static const struct upnp_argument nat_arguments[] = {
	{"NewRSIPAvailable", true, "RSIPAvailable"},
	{"NewNATEnabled", true, "NATEnabled"},
};
static const struct upnp_argument generic_arguments[] = {
	{"NewPortMappingIndex", false, "PortMappingNumberOfEntries"},
	{"NewRemoteHost", true, "RemoteHost"},
	{"NewExternalPort", true, "ExternalPort"},
	{"NewProtocol", true, "PortMappingProtocol"},
	{"NewInternalPort", true, "InternalPort"},
	{"NewInternalClient", true, "InternalClient"},
	{"NewEnabled", true, "PortMappingEnabled"},
	{"NewPortMappingDescription", true, "PortMappingDescription"},
	{"NewLeaseDuration", true, "PortMappingLeaseDuration"},
};
static const struct upnp_argument specific_arguments[] = {
	{"NewRemoteHost", false, "RemoteHost"},
	{"NewExternalPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
	{"NewInternalPort", true, "InternalPort"},
	{"NewInternalClient", true, "InternalClient"},
	{"NewEnabled", true, "PortMappingEnabled"},
	{"NewPortMappingDescription", true, "PortMappingDescription"},
	{"NewLeaseDuration", true, "PortMappingLeaseDuration"},
};
static const struct upnp_argument add_arguments[] = {
	{"NewRemoteHost", false, "RemoteHost"},
	{"NewExternalPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
	{"NewInternalPort", false, "InternalPort"},
	{"NewInternalClient", false, "InternalClient"},
	{"NewEnabled", false, "PortMappingEnabled"},
	{"NewPortMappingDescription", false, "PortMappingDescription"},
	{"NewLeaseDuration", false, "PortMappingLeaseDuration"},
};
static const struct upnp_argument add_any_arguments[] = {
	{"NewRemoteHost", false, "RemoteHost"},
	{"NewExternalPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
	{"NewInternalPort", false, "InternalPort"},
	{"NewInternalClient", false, "InternalClient"},
	{"NewEnabled", false, "PortMappingEnabled"},
	{"NewPortMappingDescription", false, "PortMappingDescription"},
	{"NewLeaseDuration", false, "PortMappingLeaseDuration"},
	{"NewReservedPort", true, "ExternalPort"},
};
static const struct upnp_argument delete_arguments[] = {
	{"NewRemoteHost", false, "RemoteHost"},
	{"NewExternalPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
};
static const struct upnp_argument delete_range_arguments[] = {
	{"NewStartPort", false, "ExternalPort"},
	{"NewEndPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
	{"NewManage", false, "A_ARG_TYPE_Manage"},
};
static const struct upnp_argument list_arguments[] = {
	{"NewStartPort", false, "ExternalPort"},
	{"NewEndPort", false, "ExternalPort"},
	{"NewProtocol", false, "PortMappingProtocol"},
	{"NewManage", false, "A_ARG_TYPE_Manage"},
	{"NewNumberOfPorts", false, "PortMappingNumberOfEntries"},
	{"NewPortListing", true, "A_ARG_TYPE_PortListing"},
};
static const struct upnp_argument address_arguments[] = {
	{"NewExternalIPAddress", true, "ExternalIPAddress"},
};

static const struct upnp_action ip_actions[] = {
	{"SetConnectionType", 1, ARGUMENTS(type_arguments), not_authorized},
	{"GetConnectionTypeInfo", 1, ARGUMENTS(type_info_arguments), connection_type},
	{"RequestConnection", 1, NULL, 0, not_authorized},
	{"ForceTermination", 1, NULL, 0, not_authorized},
	{"GetStatusInfo", 1, ARGUMENTS(status_arguments), status_info},
	{"GetNATRSIPStatus", 1, ARGUMENTS(nat_arguments), nat_status},
	{"GetGenericPortMappingEntry", 1, ARGUMENTS(generic_arguments), upnp_get_generic},
	{"GetSpecificPortMappingEntry", 1, ARGUMENTS(specific_arguments), upnp_get_specific},
	{"AddPortMapping", 1, ARGUMENTS(add_arguments), upnp_add},
	{"DeletePortMapping", 1, ARGUMENTS(delete_arguments), upnp_delete},
	{"GetExternalIPAddress", 1, ARGUMENTS(address_arguments), external_address},
	{"AddAnyPortMapping", 2, ARGUMENTS(add_any_arguments), upnp_add_any},
	{"DeletePortMappingRange", 2, ARGUMENTS(delete_range_arguments), upnp_delete_range},
	{"GetListOfPortMappings", 2, ARGUMENTS(list_arguments), upnp_get_list},
};

static const char *const connection_states[] = {"Unconfigured", "Connected", "Disconnected", NULL};
static const char *const connection_errors[] = {"ERROR_NONE", NULL};
static const char *const protocols[] = {"TCP", "UDP", NULL};

static const struct upnp_variable ip_variables[] = {
	{"ConnectionType", "string", NULL},
	{"PossibleConnectionTypes", "string", NULL},
	{"ConnectionStatus", "string", connection_states},
	{"LastConnectionError", "string", connection_errors},
	{"Uptime", "ui4", NULL},
	{"RSIPAvailable", "boolean", NULL},
	{"NATEnabled", "boolean", NULL},
	{"ExternalIPAddress", "string", NULL},
	{"PortMappingNumberOfEntries", "ui2", NULL},
	{"PortMappingEnabled", "boolean", NULL},
	{"PortMappingLeaseDuration", "ui4", NULL},
	{"RemoteHost", "string", NULL},
	{"ExternalPort", "ui2", NULL},
	{"InternalPort", "ui2", NULL},
	{"PortMappingProtocol", "string", protocols},
	{"InternalClient", "string", NULL},
	{"PortMappingDescription", "string", NULL},
	{"A_ARG_TYPE_Manage", "boolean", NULL},
	{"A_ARG_TYPE_PortListing", "string", NULL},
};

const struct upnp_service upnp_wan_ip = {
	.name = "WANIPConnection",
	.version = 2,
	.id = "urn:upnp-org:serviceId:WANIPConn1",
	.device = UPNP_CONNECTION,
	.actions = ip_actions,
	.actions_n = sizeof(ip_actions) / sizeof(ip_actions[0]),
	.variables = ip_variables,
	.variables_n = sizeof(ip_variables) / sizeof(ip_variables[0]),
};
