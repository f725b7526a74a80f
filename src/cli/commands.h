/* Every subcommand, one file each (a file may hold two that are one thought). Says nothing of what
 * they do. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_authority, command_check, command_completion, command_dhcp,
	command_dhcp_client, command_events, command_help, command_import, command_lab,
	command_lease, command_leases, command_nat, command_plan, command_policy, command_proxy,
	command_resolver, command_forward_proxy, command_reverse_proxy, command_run, command_status,
	command_trace, command_user, command_version, command_vpn, command_zone;

/* Second words of `dhcp`. */
extern const struct command dhcp_probe_verb, dhcp_watch_verb;
extern const struct command lab_tour_verb, lab_watch_verb, lab_tunnel_verb;
/* Of `nat`. */
extern const struct command nat_explain_verb, nat_forwards_verb, nat_detach_verb, nat_flows_verb,
	nat_top_verb, nat_end_verb, nat_ports_verb;
/* Of `policy`. */
extern const struct command policy_lists_verb, policy_why_verb, policy_who_verb, policy_pause_verb,
	policy_resume_verb, policy_refresh_verb;
/* Of `vpn`. */
extern const struct command vpn_peers_verb, vpn_add_verb, vpn_show_verb, vpn_config_verb,
	vpn_qr_verb, vpn_remove_verb, vpn_ca_verb;
/* Of `proxy`. */
extern const struct command proxy_routes_verb, proxy_backends_verb, proxy_drain_verb,
	proxy_undrain_verb, proxy_top_verb, proxy_cache_verb, proxy_clients_verb, proxy_hosts_verb,
	proxy_why_verb, proxy_inspection_verb, proxy_upstreams_verb, proxy_quotas_verb,
	proxy_authority_verb, proxy_certs_verb, proxy_renew_verb;
/* Of `dhcp-client`. */
extern const struct command uplink_renew_verb, uplink_release_verb;

#endif
