//! The suite that every catalogue passes.

mod deletion;
mod events;
mod lists;
mod logs;
mod records;
mod retention;

/// Runs each check on each catalogue.
macro_rules! on_every_catalogue {
    ($($module:ident :: $check:ident),* $(,)?) => {
        on_every_catalogue!(@on sqlite: $($module::$check),*);
        on_every_catalogue!(@on shared: $($module::$check),*);
    };
    (@on $catalogue:ident: $($module:ident :: $check:ident),*) => {
        mod $catalogue {
            $(
                #[tokio::test]
                async fn $check() {
                    super::$module::$check(&crate::bench::$catalogue()).await;
                }
            )*
        }
    };
}

on_every_catalogue!(
    records::c1_everything_of_an_asset_is_kept,
    records::c4_the_same_news_again_changes_nothing,
    records::c8_another_publish_of_an_identity_is_told_and_not_taken,
    records::a_job_is_known_by_its_files_where_nobody_told_of_it,
    records::a_job_ends_once_unless_it_is_run_again,
    records::an_empty_catalogue_knows_nothing,
    lists::filters_narrow_and_pages_continue,
    lists::c8_assets_of_a_store_are_read_in_order_of_keys,
    lists::jobs_are_listed_by_user_and_state,
    lists::sessions_are_listed_in_order,
    deletion::c3_versions_count_on_in_their_scene,
    deletion::c6_a_deleted_session_marks_its_assets,
    deletion::c6_what_comes_late_into_a_deleted_session_is_deleted_too,
    deletion::c6_deletion_goes_from_stored_to_gone_once,
    deletion::c6_a_failed_deletion_waits_and_is_due_again,
    events::events_are_in_order_and_a_cursor_misses_none,
    events::a_cursor_that_retention_has_passed_is_refused,
    events::e1_a_move_is_one_event_when_the_url_changes,
    events::what_is_no_cursor_is_refused,
    events::the_audit_log_names_who_asked,
    logs::a_log_is_read_in_its_order_page_by_page,
    logs::lines_that_come_again_change_nothing,
    logs::old_lines_go_and_those_of_a_job_go_with_it,
    retention::c6_old_versions_beyond_those_kept_are_marked,
    retention::old_records_go_and_young_ones_stay,
    retention::a_job_whose_host_is_gone_is_given_up,
);
