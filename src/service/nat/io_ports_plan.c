/* The sockets of port control, for the supervisor. */
#include "proto/upnp/ssdp.h"
#include "service/nat/io_ports.h"
#include "supervisor/plan.h"

enum err ports_io_plan(const struct portctl_conf *conf, struct plan *p)
{
	static const struct ip_endpoint pcp4 = {.address = {.family = 4}, .port = PCP_SERVER_PORT},
					pcp6 = {.address = {.family = 6}, .port = PCP_SERVER_PORT},
					ssdp = {.address = {.family = 4}, .port = SSDP_PORT};
	const struct ip_endpoint http = {.address = {.family = 4}, .port = conf->upnp_port};
	if (conf->pcp || conf->nat_pmp)
		TRY(plan_add_udp(p, "nat", "pcp4", &pcp4, 0));
	if (conf->pcp)
		TRY(plan_add_udp(p, "nat", "pcp6", &pcp6, 0));
	if (!conf->upnp)
		return OK;
	TRY(plan_add_udp(p, "nat", "ssdp", &ssdp, 0));
	return plan_add_socket(p, "nat", PLAN_TCP, &http, 1);
}
