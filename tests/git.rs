//! The git layer against real `git`: what it reads, what it writes, what it refuses, and what is
//! left when it is killed. Nothing here knows the file format.

mod git {
    mod child;
    mod crashing;
    mod disk;
    mod reading;
    mod recovering;
    mod refusing;
    mod signing;
    mod support;
    mod together;
    mod writing;
}
