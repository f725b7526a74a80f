/* The life of the tunnels. */
#include "config/config.h"
#include "crypto/random.h"
#include "crypto/sealed.h"
#include "os/core_dump.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/tun.h"
#include "service/vpn/conf_inner.h"
#include "service/vpn/io_added.h"
#include "service/vpn/io_devices.h"
#include "service/vpn/io_names.h"
#include "service/vpn/io_page.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_store.h"
#include "service/vpn/io_uapi.h"
#include "service/vpn/io_verify.h"
#include "service/vpn/io_vpn.h"
#include "service/vpn/service.h"
#include "store/store.h"
#include "supervisor/plan.h"

#include <assert.h>
#include <stdlib.h>

#define NAME "vpn"

enum {
	DATES_MS = 10000, /* how late an expiry date may be told; workers keep it to the moment */
	STAGED_MAX = 4096,
	DESCRIPTORS_MORE = 512,
	WEB_CONNECTIONS = 4096, /* of closed peers that are led to the page, all together */
};

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	TRY(vpn_plan(section, p));
	TRY(vpn_verify_plan(section, global, p));
	return vpn_page_plan(section, p);
}

/* Keys, users, sessions. */
static bool keeps_state(const void *section)
{
	(void)section;
	return true;
}

/* --- reload ----------------------------------------------------------------------------------- */

/* Peers and users as conf says; when that cannot be, as the configuration in force says again. */
static enum err try_conf(struct vpn *v, const struct vpn_conf *conf)
{
	enum err e = vpn_signin_set(v->people, conf);
	if (!e)
		e = vpn_apply(v, conf);
	if (!e)
		return OK;
	enum err back = vpn_signin_set(v->people, vpn_conf_of(v));
	if (!back)
		back = vpn_apply(v, vpn_conf_of(v));
	if (back)
		log_error("the peers are not as before either", LOG_ERR(back));
	return e;
}

/* The file is judged, then peers become what it says: sessions of those that stay go on. */
void vpn_reload(void *arg, struct control_reply *reply)
{
	struct vpn *v = arg;
	struct config *config = NULL;
	service_life_reloading(&v->life, false);
	enum err e = service_life_reread(&v->life, &config);
	const struct vpn_conf *conf = e ? NULL : config_section(config, NAME);
	if (!e && !conf)
		e = ERR_CONFIG;
	if (!e)
		e = try_conf(v, conf);
	if (!e) {
		service_life_adopt(&v->life, TAKE(config));
		v->reloads++;
		vpn_page_reload(v->page);
		vpn_added_apply(v->added);
		vpn_names_set(v);
		vpn_devices_set(v);
		vpn_peers_date(v);
		log_info("reloaded");
	}
	config_free(config);
	vpn_engines_turn(v);
	service_life_reloading(&v->life, true);
	control_event(v->life.control, e ? "reload refused" : "reloaded", NULL);
	if (reply && e)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	vpn_reload(arg, NULL);
}

/* --- start ------------------------------------------------------------------------------------ */

static struct vpn_peer *peer_at(const void *arg, struct span address)
{
	const struct vpn_interface *f = arg;
	struct ip_address inner = ip_address_of(address);
	return vpn_engine_peer_at(f->engine, &inner);
}

static enum err begin_interface(struct vpn *v, struct vpn_interface *f,
				const struct vpn_interface_conf *of)
{
	const struct vpn_setting setting = {.workers_n = vpn_workers_n(v->workers),
					    .peers_max = vpn_conf_of(v)->limits.peers,
					    .staged_max = STAGED_MAX,
					    .mtu = of->mtu};
	struct vpn_link_setting link = {.udp4 = f->udp4,
					.udp6 = f->udp6,
					.tuns = f->tuns,
					.udp4_n = f->udp4_n,
					.udp6_n = f->udp6_n,
					.tuns_n = f->tuns_n,
					.mtu = of->mtu,
					.offloads = TUN_ALL,
					.trains = true};
	struct vpn_effects effects;
	uint8_t key[16];
	TRY(crypto_random(key, sizeof(key)));
	TRY(web_redirect_new(WEB_CONNECTIONS, key, &f->net.redirect));
	f->net.peer_of = peer_at;
	f->net.peer_of_arg = f;
	vpn_effects_fill(f, &effects);
	TRY(vpn_engine_new(&setting, &effects, vpn_now_ms(), &f->engine));
	link.engine = f->engine;
	return vpn_workers_add(v->workers, &link, &f->link);
}

/* The store's thread has something for us. */
static void store_wake(void *arg)
{
	struct vpn *v = arg;
	loop_wake(&v->life.loop);
}

static enum err make_store(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	TRY(store_library_open(conf->store));
	const struct vpn_store_setting setting = {.url = conf->store,
						  .password = conf->store_password,
						  .folder = service_life_state(&v->life),
						  .wake = store_wake,
						  .arg = v};
	return vpn_store_new(&setting, &v->store);
}

static enum err make_people(struct vpn *v)
{
	AUTO_DONE(sealed_key_done) struct sealed_key key = {0};
	static_assert((int)SEALED_KEY_LEN == (int)VPN_KEY_LEN, "both are written alike");
	TRY(vpn_store_key(v, vpn_conf_of(v), key.bytes));
	return vpn_signin_new(v, v->store, &key, &v->people);
}

/* Another thread has something for us: workers, the store, the hash thread. */
static void woken(void *arg)
{
	struct vpn *v = arg;
	if (vpn_store_woken(v->store))
		loop_wake(&v->life.loop);
	vpn_signin_woken(v->people);
	vpn_engines_turn(v);
}

/* What was asked of the store in this turn leaves in one commit. */
static void turn_ends(void *arg)
{
	struct vpn *v = arg;
	vpn_signin_turn(v->people);
	if (vpn_names_follows(v))
		vpn_devices_follow(v);
	vpn_devices_turn(v);
	vpn_names_turn(v);
	vpn_store_flush(v->store);
}

static void dates_due(void *arg)
{
	struct vpn *v = arg;
	vpn_peers_date(v);
	loop_timer_set_after(&v->life.loop, &v->dates, DATES_MS);
}

/* The sandbox, which leaves what the way to the database needs. */
static enum err enter_sandbox(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	struct store_paths paths;
	enum err e = store_paths(strcmp(conf->store, "sqlite") == 0 ? NULL : conf->store, &paths);
	if (e) {
		log_error("the store's URL is not understood", LOG_ERR(e));
		return e;
	}
	return service_life_sandbox(&v->life, paths.list);
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	unsigned long descriptors;
	v->workers_n = vpn_workers_of(conf);
	TRY(fd_limit_raise(conf->interfaces.n * (v->workers_n + 1) * 3 + DESCRIPTORS_MORE,
			   &descriptors));
	TRY(vpn_open(v));
	TRY(vpn_uapi_open(v, &v->uapi));
	TRY(vpn_page_open(v, &v->page));
	TRY(vpn_verify_open(v, &v->verify));
	TRY(make_store(v));
	TRY(vpn_own_addresses_open(v));
	TRY(enter_sandbox(v));
	return service_life_signals(&v->life);
}

/* Engines with the peers of the file, then of the store. */
static enum err make_engines(struct vpn *v)
{
	const struct vpn_conf *conf = vpn_conf_of(v);
	TRY(vpn_workers_new(v->workers_n, &v->life.loop, &v->workers));
	TRY(vpn_lookups_new(v));
	for (size_t i = 0; i < v->interfaces_n; i++)
		TRY(begin_interface(v, &v->interfaces[i], vpn_conf_interface(conf, i)));
	TRY(make_people(v));
	TRY(vpn_names_new(v, &v->names));
	TRY(vpn_devices_new(v, &v->devices));
	TRY(vpn_added_new(v, &v->added));
	TRY(vpn_apply(v, conf));
	TRY(vpn_store_load(v->store));
	vpn_names_set(v);
	vpn_devices_set(v);
	return OK;
}

static enum err live(struct vpn *v, struct control_face *face, int *ret_status)
{
	loop_timer_init(&v->turn, vpn_engines_turn, v);
	loop_timer_init(&v->dates, dates_due, v);
	TRY(open_all(v));
	TRY(make_engines(v));
	TRY(service_life_control(&v->life, face));
	TRY(vpn_store_start(v->store));
	TRY(vpn_uapi_start(v->uapi));
	TRY(vpn_own_addresses_watch(v));
	loop_on_wake(&v->life.loop, woken, v);
	loop_before_sleep(&v->life.loop, turn_ends, v);
	TRY(vpn_signin_start(v->people));
	TRY(vpn_verify_start(v->verify));
	TRY(vpn_page_start(v->page, vpn_signin_of(v->people)));
	TRY(vpn_workers_start(v->workers));
	dates_due(v);
	vpn_engines_turn(v);
	v->life.reload = hangup;
	v->life.arg = v;
	*ret_status = service_life_run(&v->life);
	return OK;
}

static void vpn_free(struct vpn *v)
{
	loop_timer_cancel(&v->life.loop, &v->turn);
	loop_timer_cancel(&v->life.loop, &v->dates);
	vpn_lookups_free(v);
	vpn_own_addresses_free(v);
	if (v->workers)
		vpn_workers_stop(v->workers);
	if (v->store)
		vpn_store_stop(v->store); /* what is durable by now is told */
	vpn_uapi_free(TAKE(v->uapi));
	vpn_page_free(TAKE(v->page));
	vpn_verify_free(TAKE(v->verify));
	vpn_names_free(TAKE(v->names));
	vpn_devices_free(TAKE(v->devices));
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		if (f->link)
			vpn_workers_remove(v->workers, TAKE(f->link));
	}
	vpn_workers_free(TAKE(v->workers));
	for (size_t i = 0; i < v->interfaces_n; i++) {
		struct vpn_interface *f = &v->interfaces[i];
		for (struct vpn_peer *p = NULL;
		     f->engine && (p = vpn_engine_next_peer(f->engine, p));)
			vpn_peer_gone(p);
		vpn_engine_free(f->engine);
		web_redirect_free(f->net.redirect);
	}
	vpn_signin_free(v->people);
	service_life_done(&v->life);
	vpn_added_free(v->added);
	vpn_store_free(v->store);
	vpn_close(v);
	free(v);
}

static int run(const struct service_start *start)
{
	struct vpn *v = calloc(1, sizeof(*v));
	struct control_face face;
	int status = 1;
	if (!v)
		return 1;
	vpn_control_face(v, &face);
	enum err e = core_dump_off();
	if (e)
		log_warning("core dumps cannot be turned off", LOG_ERR(e));
	e = service_life_begin(&v->life, start);
	bool begun = !e;
	if (!e)
		e = live(v, &face, &status);
	if (begun && e)
		log_error("the service ends", LOG_ERR(e));
	vpn_free(v);
	return e == ERR_CONFIG ? 2 : e ? 1 : status;
}

static bool serves_people(const void *section)
{
	const struct vpn_conf *conf = section;
	return conf->serve_users;
}

static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct vpn_conf *conf = section;
	store_library_advise(conf->store, tell, arg);
}

const struct service vpn_service = {
	.name = NAME,
	.summary = "tunnels of the WireGuard protocol, with a second factor for people",
	.schema = &vpn_conf_map,
	.keeps_state = keeps_state,
	.changes_links = true,
	.plan = plan,
	.advise = advise,
	.serves_people = serves_people,
	.run = run,
};
