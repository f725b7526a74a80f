/* A new configuration, judged first; leases stay, and no packet is lost meanwhile. */
#include "config/config.h"
#include "os/log.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

enum err dhcp_site_make(struct dhcp_service *d, const struct dhcp_conf *conf,
			struct dhcp_site **ret)
{
	struct reserved_conf joined;
	TRY(reserved_conf_make(&d->reserved, conf, &joined));
	enum err e = dhcp_site_new(joined.conf, ret);
	reserved_conf_done(&joined);
	return e;
}

static void site_take(struct dhcp_service *d, struct dhcp_site *site)
{
	dhcp_engine_set_site(d->engine, site, dhcp_now_ms(d));
	dhcp_site_unref(d->site);
	d->site = site;
	d->reserved.changed = false;
}

void dhcp_site_renew(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	struct dhcp_site *site = NULL;
	struct v6_site *site6 = NULL;
	enum err e = dhcp_site_make(d, conf, &site);
	if (!e)
		e = dhcp_v6_site_make(d, conf, &site6);
	if (!e)
		e = dhcp_names_set(d, conf);
	if (e) {
		log_error("the stored reservations cannot be taken in", LOG_ERR(e));
		dhcp_site_unref(site);
		v6_site_unref(site6);
		d->reserved.changed = false;
		return;
	}
	site_take(d, site);
	dhcp_v6_site_take(d, site6);
	dhcp_devices_set(d);
	dhcp_links_tell(d);
}

/* What was allocated or opened for the life of the process. */
static void tell_what_waits(const struct dhcp_service *d, const struct dhcp_conf *next)
{
	if (strcmp(dhcp_conf_of(d)->store, next->store) != 0)
		log_warning("`store` has changed, which needs a restart");
	if (dhcp_v4_serves(next) && d->udp_fd < 0)
		log_warning("IPv4 was not served at the start, which needs a restart");
	if (dhcp_conf_leases(next) > d->leases_max)
		log_warning("the pools have become larger than the memory for leases; a restart "
			    "makes room, or `leases` before",
			    LOG_U64("leases", d->leases_max));
}

static enum err reload(struct dhcp_service *d)
{
	struct config *config = NULL;
	struct dhcp_site *site = NULL;
	TRY(service_life_reread(&d->life, &config));
	const struct dhcp_conf *conf = config_section(config, d->life.start->service->name);
	struct v6_site *v6_site = NULL;
	enum err e = conf ? dhcp_v6_site_make(d, conf, &v6_site) : ERR_CONFIG;
	if (!e)
		e = dhcp_site_make(d, conf, &site);
	if (!e)
		e = dhcp_relay_set(d, conf);
	if (!e)
		e = dhcp_names_set(d, conf);
	if (e) {
		v6_site_unref(v6_site);
		dhcp_site_unref(site);
		log_error(conf ? "the new configuration cannot be taken in"
			       : "the configuration has no section for this service any more",
			  LOG_ERR(e));
		config_free(config);
		return e;
	}
	tell_what_waits(d, conf);
	site_take(d, site);
	dhcp_v6_take(d, &conf->v6, v6_site);
	service_life_adopt(&d->life, config);
	dhcp_devices_set(d);
	dhcp_links_tell(d);
	return OK;
}

void dhcp_reload(struct dhcp_service *d, struct control_reply *reply)
{
	service_life_reloading(&d->life, false);
	enum err e = reload(d);
	d->reloads++;
	d->reloads_failed += e != OK;
	if (!e)
		log_info("configuration taken in");
	events_tell(&d->events, d->life.control);
	control_event(d->life.control, e ? "reload-refused" : "reload", NULL);
	service_life_reloading(&d->life, true);
	if (reply && e)
		control_reply_error(reply, e == ERR_CONFIG ? 422 : 500,
				    "the new configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}
