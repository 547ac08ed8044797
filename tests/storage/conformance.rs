//! The suite that every storage passes (B1, C11, E1).

mod puts;
mod reads;

/// Runs each check on each storage.
macro_rules! on_every_storage {
    ($($module:ident :: $check:ident),* $(,)?) => {
        on_every_storage!(@on local: $($module::$check),*);
        on_every_storage!(@on garage: $($module::$check),*);
        on_every_storage!(@on s3s: $($module::$check),*);
        on_every_storage!(@on fallback: $($module::$check),*);
        on_every_storage!(@on mirror: $($module::$check),*);
    };
    (@on $storage:ident: $($module:ident :: $check:ident),*) => {
        mod $storage {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    super::$module::$check(&crate::bench::$storage().await).await;
                }
            )*
        }
    };
}

on_every_storage!(
    puts::sizes_around_every_edge,
    puts::type_and_metadata_are_kept,
    puts::what_no_store_takes_is_refused_first,
    puts::the_same_publish_again_is_success,
    puts::the_same_publish_with_other_bytes_is_no_success,
    puts::another_publish_is_refused,
    puts::two_writers_of_one_key,
    puts::steps_are_told_in_order,
    puts::a_refused_step_stops_the_put,
    puts::cancelled_before_it_began,
    puts::cancelled_midway,
    puts::a_changed_file_is_not_stored,
    puts::an_unreadable_file_is_not_stored,
    reads::ranges,
    reads::absent_objects,
    reads::odd_keys,
    reads::listings_are_in_order_and_continue,
    reads::listings_know_prefixes,
    reads::nothing_is_public_by_default,
    reads::probes_leave_nothing,
);
