#include "cli/services.h"

#include "service/authority/service.h"
#include "service/dhcp-client/service.h"
#include "service/dhcp/service.h"
#include "service/forward-proxy/service.h"
#include "service/nat/service.h"
#include "service/policy/service.h"
#include "service/resolver/service.h"
#include "service/reverse-proxy/service.h"
#include "service/vpn/service.h"

#include <string.h>

const struct service *const service_table[] = {&authority_service,   &dhcp_service,
					       &dhcp_client_service, &forward_proxy_service,
					       &nat_service,	     &policy_service,
					       &resolver_service,    &reverse_proxy_service,
					       &vpn_service,	     NULL};

static const struct config_section sections[] = {
	{"authority", &authority_conf_map},
	{"dhcp", &dhcp_conf_map},
	{"dhcp-client", &dhcp_client_conf_map},
	{"forward-proxy", &forward_conf_map},
	{"nat", &nat_conf_map},
	{"policy", &policy_conf_map},
	{"resolver", &resolver_conf_map},
	{"reverse-proxy", &reverse_conf_map},
	{"vpn", &vpn_conf_map},
};

const struct config_sections service_sections = {.items = sections,
						 .n = sizeof(sections) / sizeof(sections[0])};

const struct service *service_find(const char *name)
{
	for (const struct service *const *s = service_table; *s; s++)
		if (strcmp((*s)->name, name) == 0)
			return *s;
	return NULL;
}
