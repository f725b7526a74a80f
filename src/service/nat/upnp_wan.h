/* The actions of WANIPConnection that look at mappings and change them; each host sees and touches
 * its own only. Nobody but the device's own files includes this. */
#ifndef NAT_UPNP_WAN_H
#define NAT_UPNP_WAN_H

#include "service/nat/upnp_inner.h"

enum upnp_fault upnp_add(struct upnp_turn *t);
enum upnp_fault upnp_add_any(struct upnp_turn *t);
enum upnp_fault upnp_delete(struct upnp_turn *t);
enum upnp_fault upnp_delete_range(struct upnp_turn *t);
enum upnp_fault upnp_get_generic(struct upnp_turn *t);
enum upnp_fault upnp_get_specific(struct upnp_turn *t);
enum upnp_fault upnp_get_list(struct upnp_turn *t);

#endif
