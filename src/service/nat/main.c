/* The life of the translator: its programs and tables, made or taken over; then it only watches. */
#include "base/reader.h"
#include "config/config.h"
#include "os/log.h"
#include "os/sysctl.h"
#include "service/nat/io_nat.h"
#include "service/nat/io_walk.h"
#include "service/nat/nft.h"
#include "service/nat/service.h"
#include "supervisor/plan.h"

#include <stdlib.h>

#define NAME "nat"

enum { PUBLICS_MIN = 4 };

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct nat_conf *conf = section;
	(void)global;
	/* Beside programs the right to lead clients is kept from the start or not at all. */
	if (conf->takes.n && conf->attach != NAT_ATTACH_NFTABLES)
		TRY(plan_add_anew(p, NAME, "intercept"));
	return portctl_conf_on(&conf->port_control) ? ports_io_plan(&conf->port_control, p) : OK;
}

static bool keeps_state(const void *section)
{
	const struct nat_conf *conf = section;
	return conf->log.file || portctl_conf_on(&conf->port_control);
}

static bool pins_bpf(const void *section)
{
	(void)section;
	return true;
}

/* What `auto` comes to is known at the start only. */
static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct nat_conf *conf = section;
	if (conf->attach == NAT_ATTACH_NFTABLES)
		nat_nft_cannot(conf, tell, arg);
}

/* --- reload ----------------------------------------------------------------------------------- */

/* The names of conf; when they are too many, those of the configuration in force again. */
static enum err try_conf(struct nat *n, const struct nat_conf *conf)
{
	enum err e = nat_names_collect(conf, &n->names);
	if (!e)
		e = nat_refresh(n, conf);
	if (e && nat_names_collect(nat_conf_of(n), &n->names) == OK)
		nat_refresh_soon(n);
	return e;
}

/* The back end is chosen at the start. */
static void tell_attach(const struct nat *n, const struct nat_conf *conf)
{
	bool nft = nat_nft_is(&n->nft);
	if (conf->attach != NAT_ATTACH_AUTO && (conf->attach == NAT_ATTACH_NFTABLES) != nft)
		log_notice("`attach` names another back end: it takes effect at the next start");
	if (!nft && !n->taker.nft && conf->takes.n)
		log_warning("`intercept` is new: it takes effect at the next start of the service");
}

void nat_reload(void *arg, struct control_reply *reply)
{
	struct nat *n = arg;
	struct config *config = NULL;
	service_life_reloading(&n->life, false);
	enum err e = service_life_reread(&n->life, &config);
	const struct nat_conf *conf = e ? NULL : config_section(config, NAME);
	if (!e && !conf)
		e = ERR_CONFIG;
	if (!e)
		e = try_conf(n, conf);
	if (!e)
		e = nat_portctl_reload(n, conf);
	if (!e) {
		service_life_adopt(&n->life, TAKE(config));
		nat_asker_turn(&n->asker, &conf->resolver);
		nat_prober_turn(&n->prober, conf);
		if (nat_nft_is(&n->nft))
			nat_nft_warn(conf);
		else
			nat_logger_configure(&n->logger, &conf->log);
		tell_attach(n, conf);
		n->reloads++;
		log_info("reloaded");
	}
	config_free(config);
	service_life_reloading(&n->life, true);
	control_event(n->life.control, e ? "reload refused" : "reloaded", NULL);
	if (reply && e)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	nat_reload(arg, NULL);
}

/* --- start ------------------------------------------------------------------------------------ */

/* Places for public addresses: those of the pool and the devices' own, and as many again, so that
 * an address that changes finds one that nobody had. */
static uint32_t publics_of(const struct nat_conf *conf)
{
	const struct ip_range *ranges = conf->addresses.items;
	uint64_t n = conf->outside.n;
	for (size_t i = 0; i < conf->addresses.n; i++) {
		struct reader first = reader_of_span(ip_address_span(&ranges[i].first));
		struct reader last = reader_of_span(ip_address_span(&ranges[i].last));
		n += (uint64_t)read_u32(&last) - read_u32(&first) + 1;
	}
	uint32_t places = PUBLICS_MIN;
	while (places < n * 2 && places < NAT_PUBLICS)
		places *= 2;
	return places;
}

/* One of the two back ends. */
static enum err open_plane(struct nat *n)
{
	const struct nat_conf *conf = nat_conf_of(n);
	struct nat_plane_size size = {.flows = conf->limits.flows,
				      .flows6 = conf->limits.flows6,
				      .publics = publics_of(conf)};
	const char *folder = service_life_bpf(&n->life);
	bool nft;
	nat_nft_choose(&n->nft, conf, folder, &nft);
	if (nft) {
		nat_nft_warn(conf);
		nat_plane_name(&n->plane, folder);
		return nat_nft_open(&n->nft);
	}
	if (!folder) {
		log_error("translation needs a BPF file system and the right to load programs");
		return ERR_UNSUPPORTED;
	}
	return nat_plane_open(&n->plane, folder, &size);
}

/* The kernel forwards only once nothing private can leave. */
static enum err let_forward(struct nat *n)
{
	int64_t on = 0;
	if (!nat_nft_is(&n->nft) && !nat_attach_is_guarded(&n->attached)) {
		log_error("an outside device has no guard: nothing is forwarded");
		return ERR_REFUSED;
	}
	enum err e = sysctl_forwarding_read(4, &on);
	if (!e && !on)
		e = sysctl_forwarding_write(4, 1);
	if (e)
		log_error("the kernel's forwarding cannot be turned on", LOG_ERR(e));
	/* A kernel without IPv6 is no trouble for IPv4. */
	enum err six = !e && nat_conf_of(n)->v6.forward ? sysctl_forwarding_write(6, 1) : OK;
	if (six)
		log_warning("the kernel does not forward IPv6", LOG_ERR(six));
	n->forwarding = !e;
	return e;
}

/* Octets of flows are counted only if asked for. */
static void count_traffic(void)
{
	enum err e = sysctl_write("netfilter/nf_conntrack_acct", 1);
	if (e)
		log_notice("the traffic of flows is not counted", LOG_ERR(e));
}

/* What a process before us left of the other back end, now that ours is in force. */
static void remove_other(struct nat *n)
{
	enum err e = OK;
	if (!nat_nft_is(&n->nft)) {
		nat_nft_remove_left(n->taker.nft);
		return;
	}
	if (n->plane.links[0])
		e = nat_attach_end(&n->attached, &n->plane, &n->machine.net);
	if (n->plane.links[0] && !e && nat_plane_unpin(&n->plane) == OK)
		log_debug("programs of a process before are not there");
	if (e)
		log_warning("programs that a process before attached cannot be taken off",
			    LOG_ERR(e));
}

/* clsact filters take a capability to attach, links only the programs' descriptors. */
static void keep_rights(struct nat *n)
{
	if (nat_nft_is(&n->nft))
		n->life.capabilities |= SANDBOX_CAP_NET_ADMIN; /* for each ruleset that follows */
	if (n->taker.nft)				       /* likewise */
		n->life.capabilities |= SANDBOX_CAP_NET_ADMIN;
	for (size_t i = 0; i < n->attached.n; i++)
		for (size_t h = 0; h < BPF_HOOKS; h++)
			if (n->attached.items[i].has[h] &&
			    n->attached.items[i].way[h] == BPF_WAY_CLSACT)
				n->life.capabilities |= SANDBOX_CAP_NET_ADMIN;
}

static enum err open_all(struct nat *n)
{
	n->now = calloc(1, sizeof(*n->now));
	n->next = calloc(1, sizeof(*n->next));
	if (!n->now || !n->next)
		return ENOMEM;
	TRY(nat_machine_open(&n->machine));
	TRY(nat_names_collect(nat_conf_of(n), &n->names));
	TRY(open_plane(n));
	bool nft = nat_nft_is(&n->nft);
	if (!nft && nat_conf_of(n)->takes.n)
		TRY(nat_taker_open(&n->taker));
	if (!nft)
		TRY(nat_left_open(&n->left, &n->life.loop, n->plane.set));
	TRY(nat_refresh(n, nat_conf_of(n)));
	if (!nft)
		TRY(nat_plane_settle(&n->plane));
	remove_other(n);
	if (nft)
		count_traffic();
	TRY(let_forward(n));
	keep_rights(n);
	if (!nft)
		TRY(nat_portctl_open(n));
	TRY(service_life_sandbox(&n->life, NULL));
	return service_life_signals(&n->life);
}

/* What only the programs give. */
static enum err begin_plane(struct nat *n)
{
	TRY(nat_logger_open(&n->logger, &n->life.loop, service_life_state(&n->life),
			    &nat_conf_of(n)->log));
	TRY(nat_events_open(n));
	TRY(nat_portctl_begin(n));
	log_info(n->plane.taken_over ? "goes on with the flows of the process before"
				     : "begins without flows",
		 LOG_TEXT("programs", n->plane.reused ? "reused" : "loaded"),
		 LOG_U64("flows_max", n->plane.flows_max), LOG_U64("bytes", n->plane.bytes));
	return OK;
}

static enum err live(struct nat *n, struct control_face *face, int *ret_status)
{
	nat_refresh_init(n);
	TRY(open_all(n));
	TRY(service_life_control(&n->life, face));
	TRY(nat_refresh_follow(n));
	if (nat_nft_is(&n->nft))
		log_info("nftables translates", LOG_TEXT("why", n->nft.why));
	else
		TRY(begin_plane(n));
	n->life.reload = hangup;
	n->life.arg = n;
	*ret_status = service_life_run(&n->life);
	return OK;
}

/* Programs, tables and forwarding stay: packets are translated while nobody is here. */
static void nat_free(struct nat *n)
{
	nat_portctl_end(n);
	nat_asker_done(&n->asker);
	if (n->prober.loop)
		nat_prober_turn(&n->prober, NULL);
	nat_machine_done(&n->machine);
	loop_remove(&n->life.loop, &n->ring_watch);
	nat_walks_stop(n);
	nat_logger_done(&n->logger);
	nat_left_done(&n->left);
	service_life_done(&n->life);
	nat_plane_done(&n->plane);
	nat_nft_done(&n->nft);
	nat_taker_done(&n->taker);
	nat_names_done(&n->names);
	free(n->now);
	free(n->next);
	free(n);
}

static int run(const struct service_start *start)
{
	struct nat *n = calloc(1, sizeof(*n));
	struct control_face face;
	int status = 1;
	if (!n)
		return 1;
	nat_control_face(n, &face);
	enum err e = service_life_begin(&n->life, start);
	bool begun = !e;
	if (!e)
		e = live(n, &face, &status);
	if (begun && e)
		log_error("the service ends", LOG_ERR(e));
	nat_free(n);
	return e == ERR_CONFIG ? 2 : e ? 1 : status;
}

const struct service nat_service = {
	.name = NAME,
	.summary = "translation, firewall and forwarded ports, by programs in the kernel",
	.schema = &nat_conf_map,
	.keeps_state = keeps_state,
	.pins_bpf = pins_bpf,
	.changes_links = true,
	.changes_sysctl = true,
	.start_capabilities =
		SANDBOX_CAP_BPF | SANDBOX_CAP_NET_ADMIN | SANDBOX_CAP_NET_RAW | SANDBOX_CAP_PERFMON,
	.plan = plan,
	.advise = advise,
	.run = run,
};
