/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside of validation: the rules of each kind as a table row, and the checks that many rules
 * share. Private to this room; the outside calls api/rules/validate.h.
 */

#include "api/causes.h"
#include "api/names.h"
#include "base/ip.h"
#include "base/map.h"

struct api_kind;
struct api_rules_warnings;

struct api_rules {
	const char *kind;
	const char *deprecation; /* told with every request of it; NULL: none */
	/* Of metadata.name and generateName. */
	void (*name)(struct str s, struct api_problems *ret);
	/* Everything besides metadata; `old` is NULL on create. */
	void (*object)(const struct json *old, const struct json *obj, struct api_causes *c);
	/* Only on update: what may not change. */
	void (*transition)(const struct json *old, const struct json *obj, struct api_causes *c);
	/* Update of status, besides metadata. */
	void (*status)(const struct json *old, const struct json *obj, struct api_causes *c);
	/* What is right, and yet told, warnings.c; `old` is NULL on create. */
	void (*warn)(struct api_rules_warnings *w, const struct json *old, const struct json *obj);
	void (*warn_status)(struct api_rules_warnings *w, const struct json *obj);
	/* On update several layers of a stock server look at metadata, and each tells what it
	 * finds: how often each part is told. 0 means once. */
	struct {
		unsigned char unchanging; /* what may not change */
		unsigned char common;     /* labels, annotations, owners */
		unsigned char finalizers; /* their form */
		unsigned char standard;   /* those without a '/' */
		bool generate_name;
	} told;
};

/* Never NULL. */
const struct api_rules *api_rules_of(const struct api_kind *kind);

extern const struct api_rules api_rules_service;
extern const struct api_rules api_rules_endpoints;
extern const struct api_rules api_rules_endpoint_slice;
extern const struct api_rules api_rules_pod;
extern const struct api_rules api_rules_node;
extern const struct api_rules api_rules_namespace;
extern const struct api_rules api_rules_config_map;
extern const struct api_rules api_rules_secret;
extern const struct api_rules api_rules_event;
extern const struct api_rules api_rules_lease;
extern const struct api_rules api_rules_deployment;
extern const struct api_rules api_rules_replica_set;

/* Of a Pod, or of a template for Pods: `p` is where the spec stands. */
void api_rules_pod_spec(const struct json *spec, const struct api_path *p, bool is_create,
			struct api_causes *c);
extern const struct api_rules api_rules_service_cidr;
extern const struct api_rules api_rules_ip_address;
extern const struct api_rules api_rules_role;
extern const struct api_rules api_rules_cluster_role;
extern const struct api_rules api_rules_role_binding;
extern const struct api_rules api_rules_cluster_role_binding;

void api_rules_service_transition(const struct json *old, const struct json *obj,
				  struct api_causes *c);
void api_rules_service_status(const struct json *old, const struct json *obj, struct api_causes *c);
/* Runs on create and update, and a second time on update (section 4.1). */
void api_rules_service_lb_class(const struct json *old, const struct json *obj,
				struct api_causes *c);
bool api_rules_service_is_headless(const struct json *obj);
bool api_rules_service_needs_health_check(const struct json *obj);

void api_rules_warn_service(struct api_rules_warnings *w, const struct json *old,
			    const struct json *obj);
void api_rules_warn_service_status(struct api_rules_warnings *w, const struct json *obj);
void api_rules_warn_endpoints(struct api_rules_warnings *w, const struct json *old,
			      const struct json *obj);
void api_rules_warn_slice(struct api_rules_warnings *w, const struct json *old,
			  const struct json *obj);
void api_rules_warn_workload(struct api_rules_warnings *w, const struct json *old,
			     const struct json *obj);

void api_rules_meta_create(const struct json *obj, bool is_namespaced,
			   const struct api_rules *rules, struct api_causes *c);
void api_rules_meta_update(const struct json *old, const struct json *obj,
			   const struct api_rules *rules, struct api_causes *c);

/* Lists of validators: objects of a tree that may be absent. */
size_t api_rules_count(const struct json *list); /* 0 unless it is an array */
extern const struct json api_rules_null;         /* for values of absent lists and pointers */
const struct json *api_rules_or_null(const struct json *n);
bool api_rules_has_string(const struct json *list, struct str s);
/* null equals absent. */
bool api_rules_same(const struct json *a, const struct json *b);

/* True when `key` was seen before; afterwards it is. The caller ends with map_fini. */
bool api_rules_seen(struct map *m, struct str key);

void api_rules_check_name(struct api_causes *c, const struct api_path *p, struct str s,
			  void (*check)(struct str s, struct api_problems *ret));
void api_rules_check_port(struct api_causes *c, const struct api_path *p, int64_t port);
/* Required when "", NotSupported when not one of `values`. False when there was a cause. */
bool api_rules_check_one_of(struct api_causes *c, const struct api_path *p, struct str s,
			    const char *const *values);
void api_rules_check_labels(struct api_causes *c, const struct api_path *p,
			    const struct json *labels);
/* Keys of annotations. */
void api_rules_check_annotations(struct api_causes *c, const struct api_path *p,
				 const struct json *annotations);
/* "must be greater than or equal to 0"; what is absent is fine. */
void api_rules_check_not_negative(struct api_causes *c, const struct api_path *up, const char *name,
				  const struct json *obj);
/* Strict, unless `existing` (a list of strings or NULL) has it already. */
bool api_rules_check_ip(struct api_causes *c, const struct api_path *p, struct str s,
			const struct json *existing);
void api_rules_check_cidr(struct api_causes *c, const struct api_path *p, struct str s);
/* Section 3.7: not unspecified, loopback, link-local. */
void api_rules_check_endpoint_ip(struct api_causes *c, const struct api_path *p, struct str s);

extern const char *const api_rules_protocols[];
